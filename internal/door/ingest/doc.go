// Package ingest is the door for what is measured. The seconds of edges and hosts come in here and go to the log as telemetry ("edge", "host"); each is answered when it is on disk.
//
// A second that is sent again is written again: readers count each by its key (sender, boot, number) once.
package ingest
