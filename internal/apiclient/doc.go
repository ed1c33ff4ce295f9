// Package apiclient speaks Slipway's HTTP API as any program outside could: it knows the JSON of /openapi.json and nothing of the server's insides. The command
// line and the demo use it and nothing else.
//
// The types hold the fields that are read here, not all that the API gives. Where a program asks for all of it (--json) there is an [Item], which keeps the JSON as it came.
//
// Guarantees: every error is one sentence that says what to do; a *Problem is the server's own word (RFC 9457). Requests are sent once. A Stream goes on by itself
// where it was cut off, so that a restart of the server is not noticed. Off loopback the server's key can be pinned, as its certificate is its own.
package apiclient
