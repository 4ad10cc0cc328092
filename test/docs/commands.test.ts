import { blocksOf, Reader } from "./shell";

jest.setTimeout(280_000);

/** What runs these tests is not run by them. */
const ITSELF = /^npm test/;
/** From here on the page has told its reader to stop what was started before. */
const ALONE = /^npm run services -- up/;

describe.each(["README.md", "docs/tutorial.md"])("%s", (page) => {
  let reader: Reader;
  beforeAll(async () => {
    reader = await Reader.create();
  });
  afterAll(() => reader.close());

  test("every command runs as it stands, in order, in a fresh clone", async () => {
    const blocks = blocksOf(page).filter((block) => !ITSELF.test(block));
    expect(blocks.length).toBeGreaterThan(3);
    const told: string[] = [];
    for (const block of blocks) {
      if (ALONE.test(block)) await reader.interrupt();
      told.push(await reader.run(block));
    }
    const all = told.join("\n");
    if (page === "README.md") {
      expect(all).toContain('"identifier":"e7bd91d0-16ad-11e2-892e-0800200c9a66"');
    } else {
      expect(all).toContain('"missing":["loadbalancer-9"]');
      expect(all).toContain("Hello Ann, this is web-3");
    }
  });
});
