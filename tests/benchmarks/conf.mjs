// What npm's `conf` does for each change, with the directory synced as well, so that it is as durable as ours:
// read and parse the file, change one value, write a temp file, fsync, rename. Arguments: directory, number of changes.
import fs from "node:fs";
import path from "node:path";

const [directory, count] = process.argv.slice(2);
const file = path.join(directory, "config.json");
fs.writeFileSync(file, "{}");

function set(name, value) {
    const store = JSON.parse(fs.readFileSync(file, "utf8"));
    store[name] = value;
    const temporary = `${file}.tmp-${Math.random().toString(36).slice(2)}`;
    const descriptor = fs.openSync(temporary, "w", 0o600);
    fs.writeSync(descriptor, JSON.stringify(store, undefined, "\t"));
    fs.fsyncSync(descriptor);
    fs.closeSync(descriptor);
    fs.renameSync(temporary, file);
    const above = fs.openSync(directory, "r");
    fs.fsyncSync(above);
    fs.closeSync(above);
}

const took = [];
for (let number = 0; number < Number(count); number++) {
    const begin = process.hrtime.bigint();
    set(`section${number % 8}.value${(number >> 3) % 8}`, number);
    took.push(Number(process.hrtime.bigint() - begin));
}
process.stdout.write(JSON.stringify(took));
