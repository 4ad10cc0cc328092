import fc from "fast-check";
import { normalTime, parseTime, timeText } from "../../src/model/time";

describe("a time that was written", () => {
  test.each([
    ["2030-01-31T12:00:00Z", "2030-01-31T12:00:00.000Z"],
    ["2030-01-31t12:00:00.1239z", "2030-01-31T12:00:00.123Z"],
    ["2030-01-31T12:00:00.1234567890123Z", "2030-01-31T12:00:00.123Z"],
    ["2030-01-31T12:00:00+05:30", "2030-01-31T06:30:00.000Z"],
    ["2030-01-31T12:00:00-00:00", "2030-01-31T12:00:00.000Z"],
    ["2030-12-31T23:59:59-01:00", "2031-01-01T00:59:59.000Z"],
    ["2028-02-29T00:00:00Z", "2028-02-29T00:00:00.000Z"],
    ["2000-02-29T00:00:00Z", "2000-02-29T00:00:00.000Z"],
    ["0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"],
    ["0099-12-31T00:00:00Z", "0099-12-31T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ])("%s is %s", (text, utc) => {
    expect(normalTime(text)).toBe(utc);
    expect(parseTime(text)).toBe(Date.parse(utc));
  });

  test.each([
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
    ["2030-06-30T23:59:60.25Z", "2030-07-01T00:00:00.250Z"],
    ["1990-12-31T15:59:60-08:00", "1991-01-01T00:00:00.000Z"],
    ["2031-01-01T08:59:60+09:00", "2031-01-01T00:00:00.000Z"],
  ])("the leap second %s is the second after it", (text, utc) => {
    expect(normalTime(text)).toBe(utc);
  });

  test.each([
    ...["2030-02-30T00:00:00Z", "2030-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "2030-04-31T00:00:00Z"],
    ...["2030-00-01T00:00:00Z", "2030-13-01T00:00:00Z", "2030-01-00T00:00:00Z", "2030-01-32T00:00:00Z"],
    ...["2030-01-31T24:00:00Z", "2030-01-31T12:60:00Z", "2030-01-31T12:00:61Z", "2030-01-31T12:00:00+24:00"],
    ...["2030-01-31T12:00:00+00:60", "0000-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01"],
    ...["9999-12-31T23:59:59-00:01", "9999-12-31T23:59:60Z", "10000-01-01T00:00:00Z", "+02030-01-31T12:00:00Z"],
    // A second 60 elsewhere than at the end of a month in UTC.
    ...["2030-01-31T12:00:60Z", "2030-01-30T23:59:60Z", "2016-12-31T23:59:60-08:00", "2016-12-31T23:58:60Z"],
    // No offset, no T, no seconds: nobody can say what is meant.
    ...["2030-01-31T12:00:00", "2030-01-31 12:00:00Z", "2030-01-31T12:00Z", "2030-01-31T12:00:00.Z", "2030-1-31"],
    ...["", "tomorrow", "2030-01-31T12:00:00Z\n", " 2030-01-31T12:00:00Z", "２030-01-31T12:00:00Z", "2030-01-31"],
  ])("%j is none", (text) => {
    expect(parseTime(text)).toBeNull();
  });

  test("a date alone is its midnight in UTC, where one may be written", () => {
    expect(normalTime("2030-01-31", { day: true })).toBe("2030-01-31T00:00:00.000Z");
    expect(normalTime("2030-02-30", { day: true })).toBeNull();
    expect(normalTime("2030-02-28T10:00:00+01:00", { day: true })).toBe("2030-02-28T09:00:00.000Z");
  });

  test("every time of the years 1 to 9999 is read back as it was written, and others are not written", () => {
    const [min, max] = [new Date("0001-01-01T00:00:00.000Z"), new Date("9999-12-31T23:59:59.999Z")];
    fc.assert(
      fc.property(fc.date({ min, max, noInvalidDate: true }), (date) => {
        expect(parseTime(date.toISOString())).toBe(date.getTime());
        expect(timeText(date.getTime())).toBe(date.toISOString());
      }),
    );
    expect([timeText(min.getTime() - 1), timeText(max.getTime() + 1), timeText(Number.NaN)]).toEqual([
      null,
      null,
      null,
    ]);
  });
});
