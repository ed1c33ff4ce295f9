// Package clients runs clients of other makers, as npm and Go have them, against a whole server: what they say is in the log, each of it once, and what they are told of flags
// is what is so.
//
//	story_test.go    what each client tells, and how the log is compared with it
//	place_test.go    a server with an app and a source, which can be stopped and started; reading its log
//	front_test.go    what stands between browser and server: it knows what was acknowledged, and can lose answers on their way
//	node_test.go     clients in Node (testdata/*.mjs)
//	browser_test.go  clients in Chromium, on pages of another origin (testdata/*.html)
//	go_test.go       a client in Go
//	again_test.go    the server is restarted and answers are lost while they send
//	flags_*_test.go  clients of flags in Node, in Chromium and in Go, which hear of changes, and go on while the server is gone
//
// package.json has their exact versions; make needs installs them.
package clients
