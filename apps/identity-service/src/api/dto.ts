/** Queries of the internal API, checked by class-validator before anything else happens. */
import { Transform } from 'class-transformer';
import { IsInt, IsOptional, IsString, IsUUID, Max, MaxLength, Min, MinLength } from 'class-validator';

export class AccountsQuery {
  /** Compared without regard to case. */
  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(1024)
  userName?: string;

  @IsOptional()
  @IsString()
  @MinLength(1)
  @MaxLength(1024)
  externalId?: string;

  /** Id of the last account of the page before. */
  @IsOptional()
  @IsUUID()
  cursor?: string;

  @IsOptional()
  @Transform(({ value }) => Number(value))
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;
}
