/** Makes one guarded call for the conformance kit: node drive.js ADDRESS TOKEN TOOL TIMEOUT_MS < arguments.json */

import { readFileSync } from "node:fs";

import { Client } from "../src/client.js";
import { guard } from "../src/guard.js";
import type { Arguments } from "../src/model.js";

const [address = "", token = "", tool = "", timeout = "600"] = process.argv.slice(2);
const client = new Client(address, token, { timeoutMs: Number(timeout) });
let times = 0;
let last: Arguments | null = null;
const call = guard(client, tool, (args) => {
  times += 1;
  last = args;
  return "sent";
});
let told: string;
try {
  told = await call(JSON.parse(readFileSync(0, "utf8")) as Arguments);
} catch (error) {
  told = String(error);
}
client.close();
process.stdout.write(JSON.stringify({ times, arguments: last, told }) + "\n");
