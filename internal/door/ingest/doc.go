// Package ingest is the door for what is measured, and for what users do.
//
// The seconds of edges and hosts (Seconds) go to the log as telemetry ("edge", "host"); each is answered when it is on disk. A second that is sent again is written again: readers count each by its key
// (sender, boot, number) once.
//
// Events (Events) come in the dialects of the clients that people have already:
//
//	body ──unpack──> capture.Segment | PostHog | CloudEvents | Plain ──> events, failures
//	                        │ whose key?                                  │ seen before?
//	                     source                                        the log ──on disk──> 2xx
//
// Clients in browsers ask before they send what they are to do (browser.go): they are told to send here, and that there is nothing else. Pages of any site may call all of it.
//
// Guarantees. What is answered with 2xx is on disk, an event or a failure that says why it is none. An id that came within seven days is answered like the first time and written no second time, across
// crashes too. Where neither can be promised the answer is 503 with Retry-After, and nobody is told that it was taken. An exposure is one by what it says, in all sources of an environment: the visitor, the flag, the value and the day (told.go is for those that the server itself tells of). These doors read no cookie.
package ingest
