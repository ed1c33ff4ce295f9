// Package trial plays scenarios to judges: the same stream to all of them, each until it has made up its mind.
//
//	world.Scenario × canary.Maker ──Plan.Run──> Row, for each pair
//
// Results depend on the plan alone, not on the number of workers. When a plan is calibrated, each judge's threshold is set on the scenario without harm so
// that it rolls back the same fraction of those, and then used in the same world with harm.
package trial
