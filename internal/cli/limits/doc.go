// Package limits are the commands of slipway limit: how much of something may be had, who has another amount, who asked and who was denied, and what another limit would have denied.
//
//	slipway limit set GROUP --per-minute 100 ──apiclient──> the API's limit, made or changed in place
//	slipway limit simulate GROUP --per-minute 50            what that would have denied last week: tried first, then set
package limits
