exports.handleTask = async () => ({ ok: true });
