// Package limits is the part of the HTTP API about limits: how much there is, who has another amount, who asked and who was denied, and what another limit would have denied. What clients ask is the matter of
// package check, and of package envoy.
//
//	Limits, slipway limit ──HTTP──> Door ──> decide/limit    limits, overrides, minutes, simulations
//	                                     ──> takes.Store     what is taken now
package limits
