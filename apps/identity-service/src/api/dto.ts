/** Queries and bodies of the internal API, checked by class-validator before anything else happens. */
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsInt,
  IsOptional,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
} from 'class-validator';

export class PageQuery {
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

export class AccountsQuery extends PageQuery {
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
}

export class ReleaseBody {
  /** An empty list is refused: it would be easy to take for "all". */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10_000)
  @IsUUID(undefined, { each: true })
  accounts?: string[];

  /** The administrator; goes into the log. */
  @IsString()
  @MaxLength(200)
  @Matches(/^[^\p{Cc}]*\S[^\p{Cc}]*$/u, { message: 'by must name the administrator who releases' })
  by!: string;
}
