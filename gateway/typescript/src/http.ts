/** One question to the gateway: over a Unix socket, or TCP, with one deadline for the whole exchange. */

import * as http from "node:http";
import * as https from "node:https";

import { TransportError } from "./errors.js";

const MAX_BODY = 1024 * 1024;
const LOOPBACK = new Set(["localhost", "127.0.0.1", "[::1]"]);

export interface Response {
  readonly status: number;
  readonly body: string;
}

export class Wire {
  private readonly base: http.RequestOptions;
  private readonly agent: http.Agent;
  private readonly secure: boolean;

  constructor(url: string, token: string, private readonly timeoutMs: number) {
    if (!/^[\x21-\x7e]+$/.test(token)) throw new TransportError("BAD_HEADER", "the token is not one line of ASCII");
    const headers = { authorization: `Bearer ${token}`, accept: "application/json" };
    if (url.startsWith("/") || url.startsWith("unix:///")) {
      this.base = { socketPath: url.replace(/^unix:\/\//, ""), headers: { ...headers, host: "localhost" } };
      this.secure = false;
    } else {
      const parsed = new URL(url);
      this.secure = parsed.protocol === "https:";
      if (!this.secure && parsed.protocol !== "http:") throw new TransportError("BAD_URL", "neither a socket nor http(s)");
      if (parsed.pathname !== "/" || parsed.search || parsed.username) {
        throw new TransportError("BAD_URL", "the gateway's address carries more than a host and a port");
      }
      if (!this.secure && !LOOPBACK.has(parsed.hostname)) {
        throw new TransportError("INSECURE_URL", "plain http to another host would send the token in the clear");
      }
      this.base = { hostname: parsed.hostname.replace(/^\[|\]$/g, ""), port: parsed.port || undefined, headers };
    }
    this.agent = this.secure ? new https.Agent({ keepAlive: true }) : new http.Agent({ keepAlive: true });
  }

  /** Exchange; rejects with a `TransportError` for anything but one complete answer in time. */
  ask(method: string, path: string, body: string | null, extraMs = 0): Promise<Response> {
    return new Promise((resolve, reject) => {
      const headers: http.OutgoingHttpHeaders = { ...(this.base.headers as http.OutgoingHttpHeaders) };
      if (body !== null) {
        headers["content-type"] = "application/json";
        headers["content-length"] = Buffer.byteLength(body);
      }
      const start = this.secure ? https.request : http.request;
      const request = start({ ...this.base, method, path, headers, agent: this.agent });
      const fail = (code: string, message: string): void => {
        clearTimeout(deadline);
        request.destroy();
        reject(new TransportError(code, message));
      };
      // Not a socket timeout: a peer that drips a byte at a time must gain nothing.
      const deadline = setTimeout(
        () => fail("GATEWAY_TIMEOUT", "no complete answer in time"),
        this.timeoutMs + extraMs,
      );
      request.on("error", () => fail("GATEWAY_UNREACHABLE", "the gateway cannot be reached"));
      request.on("response", (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > MAX_BODY) fail("RESPONSE_TOO_LARGE", "the answer is too large");
          else chunks.push(chunk);
        });
        response.on("aborted", () => fail("GATEWAY_CLOSED", "the answer was cut"));
        response.on("end", () => {
          if (!response.complete) return fail("GATEWAY_CLOSED", "the answer was cut");
          clearTimeout(deadline);
          try {
            const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(Buffer.concat(chunks));
            resolve({ status: response.statusCode ?? 0, body: text });
          } catch {
            reject(new TransportError("GATEWAY_GARBAGE", "the answer is not UTF-8"));
          }
        });
      });
      request.end(body ?? undefined);
    });
  }

  close(): void {
    this.agent.destroy();
  }
}
