/**
 * The pages of the example. In a local stack, people arrive here after a sign-in. The pages are public. Their content
 * comes from `/auth/session` and from the guarded handlers.
 */
import { Caller, Public, type CallerAccess } from '@stackflow/access-guard/nest';
import { Controller, Get, Header } from '@nestjs/common';
import { readFileSync } from 'node:fs';
import path from 'node:path';

const file = (name: string): string => readFileSync(path.join(import.meta.dirname, '../public', name), 'utf8');
const PAGE = file('desk.html');
const SCRIPT = file('desk.js');
const STYLE = file('desk.css');

/** The page has an access token in memory, so no foreign script may run in it, frame it or receive data from it. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

@Controller()
export class DeskController {
  @Get(['/', 'desk', 'desk/incidents/:id'])
  @Public()
  @Header('content-type', 'text/html; charset=utf-8')
  @Header('content-security-policy', POLICY)
  @Header('referrer-policy', 'no-referrer')
  @Header('cache-control', 'no-cache')
  page(): string {
    return PAGE;
  }

  @Get('desk/desk.js')
  @Public()
  @Header('content-type', 'text/javascript; charset=utf-8')
  @Header('cache-control', 'no-cache')
  script(): string {
    return SCRIPT;
  }

  @Get('desk/desk.css')
  @Public()
  @Header('content-type', 'text/css; charset=utf-8')
  @Header('cache-control', 'no-cache')
  style(): string {
    return STYLE;
  }

  /** Returns the caller and their current access. Any valid token of an account with access is enough. */
  @Get('desk/caller')
  me(@Caller() caller: CallerAccess): CallerAccess {
    return caller;
  }
}
