// Command streams measures how soon clients of flags hear of a change.
//
//	go run ./bench/streams [-clients 10000] [-changes 20] [-flags 50]
//
// A whole server, in a process of its own, has so many streams open, all of which this process reads. A flag is changed by the API, one change after the other; each is timed from before it is sent to when a client has read all of the message that
// tells of it, so that the saving is part of it, and so is this process, on the same processors. One line is for streams that carry the whole payload, as GrowthBook's clients have it, one for those that tell clients of OFREP to ask again.
package main
