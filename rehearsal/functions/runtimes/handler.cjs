// Serves one Node handler: reads events from one pipe, writes results to another, as Lambda's runtime does.
"use strict";
const fs = require("node:fs");
const http = require("node:http");
const https = require("node:https");
const net = require("node:net");
const path = require("node:path");
const readline = require("node:readline");
const util = require("node:util");
const { pathToFileURL } = require("node:url");

const [events, results] = process.argv.slice(2, 4).map(Number);
const port = Number(new URL(process.env.AWS_ENDPOINT_URL).port);
const levels = ["trace", "debug", "info", "warn", "error", "fatal"];
let requestId = "";

function write(text) {
  for (let rest = Buffer.from(text); rest.length; ) {
    try { rest = rest.subarray(fs.writeSync(1, rest)); } catch (error) { if (error.code !== "EAGAIN") throw error; }
  }
}

// The console writes as Lambda's does: time, request, level and message in one line.
function log(level, args) {
  const lowest = (process.env.AWS_LAMBDA_LOG_LEVEL || "trace").toLowerCase();
  if (levels.indexOf(level) < levels.indexOf(lowest)) return;
  const timestamp = new Date().toISOString();
  const message = util.format(...args);
  write(process.env.AWS_LAMBDA_LOG_FORMAT === "JSON"
    ? JSON.stringify({ timestamp, level: level.toUpperCase(), requestId, message }) + "\n"
    : `${timestamp}\t${requestId}\t${level.toUpperCase()}\t${message}\n`);
}
for (const level of levels) console[level] = (...args) => log(level, args);
console.log = console.info;

// What goes to CloudFormation's response bucket, always at port 443, goes to the rehearsal instead.
const ours = (host) => String(host || "").startsWith("cloudformation-custom-resource-response-");
const local = (pathAndQuery) => "/_rehearsal/custom-resource" + pathAndQuery.split("?")[0];
const request = https.request;
https.request = function (target, options, callback) {
  if (typeof target === "string" || target instanceof URL) {
    const url = new URL(target);
    const merged = { ...(typeof options === "object" ? options : {}), hostname: url.hostname, path: url.pathname };
    if (ours(url.hostname)) return https.request(merged, typeof options === "function" ? options : callback);
    return request.call(https, target, options, callback);
  }
  if (!ours(target.hostname || target.host)) return request.call(https, target, options, callback);
  const { agent, host, ...rest } = target;
  return http.request({ ...rest, hostname: "127.0.0.1", port, path: local(target.path) }, options);
};
const fetched = globalThis.fetch;
globalThis.fetch = (target, options) => {
  const url = typeof target === "string" || target instanceof URL ? new URL(target) : undefined;
  return fetched(url && ours(url.hostname) ? `http://127.0.0.1:${port}${local(url.pathname)}` : target, options);
};
require("node:module").syncBuiltinESMExports();

function failure(name, message) {
  return Object.assign(new Error(message), { name });
}

async function load(name) {
  const dot = name.indexOf(".", name.lastIndexOf("/") + 1);
  const base = path.resolve(process.env.LAMBDA_TASK_ROOT, name.slice(0, dot));
  const file = ["", ".js", ".mjs", ".cjs"].map((end) => base + end).find((one) => fs.existsSync(one) && fs.statSync(one).isFile());
  if (dot < 0 || !file) throw failure("Runtime.ImportModuleError", `Error: Cannot find module '${path.basename(base)}'`);
  let loaded;
  try {
    loaded = file.endsWith(".mjs") ? await import(pathToFileURL(file)) : require(file);
  } catch (error) {
    const kind = error instanceof SyntaxError ? "Runtime.UserCodeSyntaxError" : "Runtime.ImportModuleError";
    const lacking = /'(@aws-sdk\/[\w-]+)'/.exec(error.message)?.[1];
    const hint = lacking ? `\nLambda has ${lacking}, this checkout has not: npm install --save-exact ${lacking}` : "";
    throw error.code === "MODULE_NOT_FOUND" || error instanceof SyntaxError ? failure(kind, String(error) + hint) : error;
  }
  const handler = name.slice(dot + 1).split(".").reduce((at, key) => at && at[key], loaded);
  if (typeof handler !== "function") throw failure("Runtime.HandlerNotFound", `${name} is undefined or not exported`);
  return handler;
}

function context({ context: given, requestId: awsRequestId }) {
  const env = process.env;
  const ends = Date.now() + given.timeout * 1000;
  return {
    awsRequestId,
    callbackWaitsForEmptyEventLoop: true,
    functionName: env.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: env.AWS_LAMBDA_FUNCTION_VERSION,
    invokedFunctionArn: given.arn,
    memoryLimitInMB: env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => Math.max(0, ends - Date.now()),
  };
}

// Node 24's runtime takes no callback any more; older ones do.
function call(handler, event, given) {
  const takesCallback = handler.length > 2 && Number(/nodejs(\d+)/.exec(process.env.AWS_EXECUTION_ENV)[1]) < 24;
  if (!takesCallback) return handler(event, given);
  return new Promise((resolve, reject) => handler(event, given, (error, result) => (error ? reject(error) : resolve(result))));
}

function described(thrown) {
  const error = thrown instanceof Error ? thrown : failure("string", String(thrown));
  const { name: errorType, message: errorMessage, stack } = error;
  return { errorType, errorMessage, trace: String(stack).split("\n") };
}

async function main() {
  let handler;
  for await (const line of readline.createInterface({ input: new net.Socket({ fd: events }) })) {
    const invocation = JSON.parse(line);
    requestId = invocation.requestId;
    let answer;
    try {
      handler ??= await load(process.env._HANDLER);
      const result = await call(handler, invocation.event, context(invocation));
      answer = { result: JSON.stringify(result) ?? "null" };
    } catch (error) {
      answer = { error: described(error) };
      console.error("Invoke Error", JSON.stringify(answer.error));
    }
    write(`\0${requestId}\n`);
    fs.writeSync(results, JSON.stringify(answer) + "\n");
  }
  process.exit(0);
}
process.on("unhandledRejection", (error) => {
  console.error("Unhandled Promise Rejection", JSON.stringify(described(error)));
  process.exit(128);
});
main();
