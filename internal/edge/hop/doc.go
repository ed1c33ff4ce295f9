// Package hop is the edge's way to one backend for what visitors ask most: GET and HEAD without a body. Everything else goes the way of http.Transport,
// whose two goroutines for each connection, and the handing over between them, are worth it only where a request is sent while its answer already comes.
//
//	RoundTrip ──take──> idle connection, quiet ──write──> wait ──header──> body ──EOF──> put back
//	                       │ none: dial ──────────^   ^    │ closed, no byte of an answer, connection was used before
//	                                                  └────┘ again, once, on a new one
//
// Requests are written and answers read by net/http itself (Request.Write, ReadResponse), by the goroutine that asks.
//
// Guarantees: an answer is of the request it is given for (a connection on which anything came unasked is closed, as is one whose answer was longer than it said, was not
// read to its end, or was given up); a request is sent a second time only on a connection that had served before and ended without a byte of an answer, and never a third
// time; a visitor who leaves ends the waiting and the reading at once. The answer's body is for one goroutine.
package hop
