// Package notify tells people what needs them: red builds, rollouts that were held, releases that came back.
//
//	build.failed, rollout.held, rollout.ended ──> a notice for each target, in the event's transaction ──> waiting ──POST──> sent
//	                                                                                                        └─no 2xx─> later, 8 tries ─> failed
//
// A target is a webhook (JSON) or a chat hook that takes Slack's form. Each carries the authors, the commits, the failing route, the evidence in words and a link.
//
// reads build.failed, rollout.ended, rollout.held; emits notice.sent, notice.failed.
//
// Guarantee: a notice is sent at least once (its id is in the header Slipway-Notice), however often the server dies, or it ends as failed and says why.
package notify
