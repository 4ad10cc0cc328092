const { aptInstall, canInstall } = require("./apt");
const { findProgram } = require("./find");

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** The browser and fonts; without fonts text is drawn as boxes, and contrast checks find nothing. */
const PACKAGES = ["chromium", "fonts-inter", "fonts-dejavu-core"];

/** The path of a Chromium for the tests of the web pages; on Debian it is installed if missing. */
async function ensureChromium() {
  const found = findChromium();
  if (found) return found;
  if (!canInstall()) {
    throw new Error(
      "The tests of the web pages need Chromium, and none of chromium, chromium-browser or google-chrome is on the PATH. " +
        "Install one (on Debian: apt-get install chromium), or run as root on Debian and it is done for you.",
    );
  }
  await aptInstall(PACKAGES, () => findChromium() !== null);
  const installed = findChromium();
  if (!installed) throw new Error("apt-get installed chromium, but no program of that name is on the PATH.");
  return installed;
}

function findChromium() {
  return findProgram(NAMES, ["/usr/bin", "/usr/lib/chromium", "/snap/bin"]);
}

module.exports = { ensureChromium, findChromium };
