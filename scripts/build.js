/** `npm run build`: installs missing packages and rebuilds dist/. */
const { ensureBuilt } = require("./lib/build");
const { ensureInstalled } = require("./lib/install");
const { main } = require("./lib/main");

main(async () => {
  await ensureInstalled();
  await ensureBuilt({ force: true });
});
