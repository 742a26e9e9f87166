import { createFields } from './create-fields.ts';
import type { AskedBody } from './decision.ts';
import { readOperatorBody } from './operator-body.ts';
import { translateCreate, type AskedContainer } from './translate.ts';

/** What the operator may create. @throws as readOperatorBody does */
export const planOperatorCreate = (body: AskedBody, name: string): AskedContainer =>
  translateCreate(readOperatorBody(body, createFields, 'containers/create'), name);
