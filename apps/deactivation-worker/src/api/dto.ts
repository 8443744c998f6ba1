/** Queries and bodies of the internal API, checked by class-validator before anything else happens. */
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsIn,
  IsInt,
  IsOptional,
  IsRFC3339,
  IsString,
  IsUUID,
  Matches,
  Max,
  MaxLength,
  Min,
  MinLength,
  ValidateIf,
} from 'class-validator';
import { CASE_STATES, type CaseState } from './views.js';

const toNumber = ({ value }: { value: unknown }): number => Number(value);
/** What ends up as a name in the evidence: one line of visible text. */
const NAME = /^(?=.*\S)[^\p{C}\u2028\u2029]+$/u;

export class CasesQuery {
  @IsOptional()
  @IsIn(CASE_STATES)
  state?: CaseState;

  @IsOptional()
  @Transform(toNumber)
  @IsInt()
  @Min(1)
  @Max(1000)
  limit?: number;

  /** Id of the last case of the page before. */
  @IsOptional()
  @IsUUID()
  cursor?: string;
}

export class HeldQuery {
  @IsOptional()
  @Transform(toNumber)
  @IsInt()
  @Min(1)
  @Max(10_000)
  limit?: number;
}

/** One of the two at least: this finds somebody, it lists nobody. */
export class PeopleQuery {
  /** Compared without regard to case. */
  @ValidateIf((query: PeopleQuery) => query.userName !== undefined || query.externalId === undefined)
  @IsString()
  @MinLength(1)
  @MaxLength(1024)
  userName?: string;

  @ValidateIf((query: PeopleQuery) => query.externalId !== undefined)
  @IsString()
  @MinLength(1)
  @MaxLength(1024)
  externalId?: string;
}

export class ReleaseBody {
  /** Left out = all that are held. Neither null nor an empty list means that: a caller's mistake must not free everybody. */
  @ValidateIf((body: ReleaseBody) => body.cases !== undefined)
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(10_000)
  @IsUUID(undefined, { each: true })
  cases?: string[];

  /** Who answers for it. */
  @IsString()
  @MaxLength(200)
  @Matches(NAME, { message: 'by must be one line of visible text' })
  by!: string;
}

export class SignOutBody {
  /** Who asks, e.g. the service. */
  @IsString()
  @MaxLength(200)
  @Matches(NAME, { message: 'by must be one line of visible text' })
  by!: string;

  /** Goes into the events, so that what happens can be traced to what asked for it. */
  @IsString()
  @MaxLength(200)
  @Matches(NAME, { message: 'causationId must be one line of visible text' })
  causationId!: string;
}

export class RefusalBody {
  /** When the service refused the token, by its own clock. */
  @IsString()
  @MaxLength(40)
  @IsRFC3339()
  at!: string;

  @IsString()
  @MaxLength(200)
  @Matches(NAME, { message: 'service must be one line of visible text' })
  service!: string;
}

export class PercentilesQuery {
  @IsOptional()
  @IsUUID()
  tenant?: string;

  /** Closings of so many minutes, back from now. */
  @IsOptional()
  @Transform(toNumber)
  @IsInt()
  @Min(1)
  @Max(44_640)
  minutes?: number;
}
