// Package archive keeps events as files that any tool reads: a Parquet file an app and UTC day of receipt, in a folder or in S3.
//
//	Store.Days, Store.Read ──> <app>/<YYYY-MM-DD>.parquet ────────┬──feed──> a Store that begins anew
//	            Store.Failed ──> <app>/failed/<YYYY-MM-DD>.parquet ─┘
//
// The log holds seven days; what is older is in the stores and, once its day has ended, here. A store that is lost is filled from the archive first, and then from the log.
//
// Events that come at midnight are written by several at once, so that receipt times and the log's sequences interleave there. A file therefore holds a range of sequences without a gap, from behind
// the last one of the day before up to the greatest that was received until its day ended, and says so in its metadata (slipway.after, slipway.through): files and log together have each event once.
//
// A file of failed events has those of the same range. It is written again when some of them were repaired or dropped since.
//
// Guarantees. A file is there whole or not at all: it is written elsewhere, read back, and only then put under its name. Its digest is in its metadata, and is looked at before anything of it is imported.
// What Forget removed is in no file, and is not written again.
package archive
