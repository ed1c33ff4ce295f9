// Package e2e holds the tests of the whole: the program as it is built, real git, real machines' agents, a real browser.
//
//	story_test.go    the scripts of testdata/story: what people do in a terminal, and what they read there
//	browser_test.go  the same journey as seen on the pages, in Chromium
//	demo_test.go     slipway demo --once
//	clone_test.go    the README's commands in a fresh clone
//	clients/         clients of other makers send events, unmodified
//	events/          events are neither lost nor doubled, whatever dies
//	crash/           rollouts go on, whatever dies
//
// Nothing here waits for a fixed time or asserts one: a machine may be slow. What a test starts ends with it.
package e2e
