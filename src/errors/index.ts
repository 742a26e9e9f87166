export { MinkeError, toMinkeError, fromErrorBody, type ErrorBody, type Facts } from './minke-error.ts';
export { catalogue, type ErrorCode, type ErrorEntry } from './catalogue.ts';
