/** `node --require` this to shift a process's wall clock by TASKER_TEST_SKEW_MS; its monotonic clock stays right. */
const skew = Number(process.env.TASKER_TEST_SKEW_MS ?? 0);
const RealDate = Date;

class SkewedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + skew);
    else super(...args);
  }
  static now() {
    return RealDate.now() + skew;
  }
}

globalThis.Date = SkewedDate;
