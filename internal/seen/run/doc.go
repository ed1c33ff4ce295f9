// Package run keeps hashes in files that do not change: sorted, each once, and quick to say that they do not have one.
//
//	| head | blocks of 255 keys, in their order, each with a checksum | filter | fences: the beginning of each block's first key |
//
// The filter is a blocked Bloom filter (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", 2007): all bits of a key lie in one cache line, and which one is said by the key's beginning, so that a
// file that is written in the order of its keys writes its filter from the front to the end, too. It says of a thousand keys that are not there of about one that it may be. Filter and fences are mapped into memory: 2 bytes a key that
// the system takes back when it needs them. Blocks are read when the filter does not rule a key out.
package run
