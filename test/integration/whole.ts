/** Set by the soak `engines`: what a further engine, runtime or client shows once more is shown then, and takes its time. */
export const isWhole = process.env['MINKE_TEST_WHOLE'] === '1';
