// Package prometheus asks a Prometheus server (or what speaks its HTTP API: Mimir, Thanos, VictoriaMetrics) and makes counts of its counters.
//
// An answer is taken whole or not at all. What is no number (NaN, an infinity) stays in the answer and is told by Increases as a gap, as is a counter that was reset and a sample that is
// missing: a gap is no evidence of anything.
package prometheus
