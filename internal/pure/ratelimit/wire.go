package ratelimit

import (
	"encoding/binary"
	"math"
)

// AppendFeatures appends the message FeatureFlags of RateLim.it's protobuf, which its client for Java reads: field 1 is each FeatureFlag, whose fields are the account's number (1), name (2), share (3) and who is named (4). That client places keys
// by the number, and not by the account's name.
func AppendFeatures(b []byte, account int64, all []Feature) []byte {
	const bytes, fixed64 = 2, 1 // wire types
	tag := func(b []byte, field, kind uint64) []byte { return binary.AppendUvarint(b, field<<3|kind) }
	text := func(b []byte, field uint64, s string) []byte {
		return append(binary.AppendUvarint(tag(b, field, bytes), uint64(len(s))), s...)
	}
	for _, f := range all {
		m := binary.AppendUvarint(tag(nil, 1, 0), uint64(account))
		m = text(m, 2, f.Name)
		m = binary.LittleEndian.AppendUint64(tag(m, 3, fixed64), math.Float64bits(f.Pct))
		for _, w := range f.Whitelisted {
			m = text(m, 4, w)
		}
		b = append(binary.AppendUvarint(tag(b, 1, bytes), uint64(len(m))), m...)
	}
	return b
}
