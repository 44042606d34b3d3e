/** The client: the same contract as the Python one. Nothing is ever retried. */

import { TransportError } from "./errors.js";
import { Wire } from "./http.js";
import { parse } from "./json.js";
import type { Decision, Json, Outcome, ToolCall } from "./model.js";
import { localDeny, refusal, Verifier } from "./verify.js";

export interface Options {
  /** Milliseconds for one whole exchange; 5000 by default. */
  readonly timeoutMs?: number;
  /** By how much the two clocks may differ; 5000 by default. */
  readonly maxSkewMs?: number;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

export class Client {
  private readonly wire: Wire;
  private readonly verifier: Verifier;

  /**
   * @param url `/run/yett/yett.sock`, `unix:///…`, `http://127.0.0.1:8787` or `https://host:port`
   * @param token a bearer token from `yett keys create`
   */
  constructor(url: string, token: string, options: Options = {}) {
    this.wire = new Wire(url, token, options.timeoutMs ?? 5000);
    this.verifier = new Verifier(options.now ?? Date.now, options.maxSkewMs ?? 5000);
  }

  /** Ask for one call. Resolves to a decision whatever happens; only an `allow` may run. */
  async decide(call: ToolCall): Promise<Decision> {
    try {
      const asked = this.verifier.ask(call);
      const { action: _action, sentAt: _sentAt, ...sent } = asked;
      return this.verifier.answer(asked, await this.wire.ask("POST", "/v1/decisions", JSON.stringify(sent)));
    } catch (error) {
      return localDeny(call, error);
    }
  }

  /** Report what happened when an allowed call ran; rejects if that is not on record. */
  async report(outcome: Outcome): Promise<void> {
    await this.request("POST", "/v1/outcomes", outcome as unknown as Json);
  }

  /** Open a session; resolves to its id. */
  async openSession(prompt?: string, parent?: string): Promise<string> {
    const answer = await this.request("POST", "/v1/sessions", { prompt: prompt ?? null, parent: parent ?? null });
    const session = answer !== null && typeof answer === "object" && !Array.isArray(answer) ? answer["session"] : null;
    if (typeof session !== "string" || !session) throw new TransportError("GATEWAY_GARBAGE", "no session");
    return session;
  }

  /** Any other endpoint: JSON in, JSON out. */
  async request(method: string, path: string, body: Json = null): Promise<Json> {
    const response = await this.wire.ask(method, path, body === null ? null : JSON.stringify(body));
    if (response.status < 200 || response.status > 299) throw refusal(response);
    if (!response.body) return null;
    try {
      return parse(response.body);
    } catch {
      throw new TransportError("GATEWAY_GARBAGE", "the answer is not JSON");
    }
  }

  close(): void {
    this.wire.close();
  }
}
