/** `npm run build`: installs what is missing and makes dist/ anew. */
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");

main(async () => {
  await ensureInstalled();
  await ensureBuilt({ force: true });
});
