exports.handleTask = async () => {
  throw new Error("The disk of db-3 is full.");
};
