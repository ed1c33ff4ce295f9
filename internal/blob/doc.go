// Package blob keeps bytes in a folder: artifacts by what they are, logs by whose they are.
//
//	DIR/artifacts/ab/abcd…        an artifact, named by its sha256
//	DIR/logs/bld_…/lse_….log      a log that is being written
//	DIR/logs/bld_…/lse_….log.zst  a log that is complete
//	DIR/tmp/                      what is not whole yet; emptied by Open
//
// Guarantees: an artifact is there whole and on disk, or not at all, and equal bytes are kept once. A log takes each byte once, however often it is sent, never
// grows past its cap, and tells who waits for more. A full disk is an error that says so and leaves no part behind.
//
// One process at a time owns the folder.
package blob
