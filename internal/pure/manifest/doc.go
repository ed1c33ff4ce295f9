// Package manifest reads .slipway.yaml, the file in which a repository says how
// it is tested, packaged, run and rolled out.
//
// [Parse] reports every mistake of a file at once, each with its line, its
// column, what was found and what was expected. What it returns is complete:
// keys that were left out hold their documented defaults, so that no reader of
// a [Manifest] needs to know a default.
//
// The schema is declared once (schema.go) and serves three readers: the
// decoder, the hints for misspelt keys, and [Keys], against which the
// reference in docs/reference/manifest.md is tested.
//
// A Manifest is stored with each release as JSON. That JSON uses the keys and
// the notation of the file itself ("10%", "1m0s", "1 a month"), and JSON is
// YAML: what was stored can be parsed again and gives the same Manifest.
//
// Guarantees: no I/O, no panic on any input, bounded work (files above
// [MaxSize] and documents nested deeper than [MaxDepth] are refused; anchors
// and aliases are refused, so that a small file cannot become a large one).
package manifest
