// Package statsd reads the lines of the statsd protocol and of its dialect DogStatsD, as clients send them in UDP packets, several to a packet.
//
//	NAME:VALUE[:VALUE…]|KIND[|@RATE][|#TAG[:VALUE],…][|c:CONTAINER][|TUNIX]
//
//	c        a counter: how many more. @0.1 says that one in ten was sent
//	g        a gauge: how much now; with a sign, how much more or less than before (as in statsd; DogStatsD has no such changes)
//	ms h d   a timer, a histogram, a distribution: what one took
//	s        a set: who it was; counted once
//
// Sources: the protocol of github.com/statsd/statsd (docs/metric_types.md) and Datadog's description of DogStatsD up to protocol version 1.3. Events (_e{) and service checks (_sc|) are recognised and not
// read. A field that is unknown, but looks like those of DogStatsD ("e:in-…", "card:low"), is left out.
//
// A line is whole or it is nothing: one value that cannot be makes the whole line dropped, with a Reason to count. What is read has numbers that can be added up: finite, not negative where they count or
// measure, and below a bound. Reading allocates nothing, once a Line has read its largest.
package statsd
