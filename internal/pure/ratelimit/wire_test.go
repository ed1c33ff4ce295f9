package ratelimit_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/slipwayhq/slipway/internal/pure/ratelimit"
)

// What is written is read by protobuf's own library.
func TestAppendFeatures(t *testing.T) {
	b := ratelimit.AppendFeatures(nil, 42, []ratelimit.Feature{{Name: "cart", Pct: 0.25, Whitelisted: []string{"ana", "bo"}}, {Name: "é"}})
	var names, named []string
	var shares []float64
	for len(b) > 0 {
		num, kind, n := protowire.ConsumeTag(b)
		m, size := protowire.ConsumeBytes(b[max(n, 0):])
		if num != 1 || kind != protowire.BytesType || size < 0 {
			t.Fatalf("field %d of kind %d", num, kind)
		}
		b = b[n+size:]
		for len(m) > 0 {
			num, kind, n := protowire.ConsumeTag(m)
			m = m[n:]
			switch {
			case num == 1 && kind == protowire.VarintType:
				v, n := protowire.ConsumeVarint(m)
				if m = m[n:]; v != 42 {
					t.Errorf("account %d", v)
				}
			case num == 3 && kind == protowire.Fixed64Type:
				v, n := protowire.ConsumeFixed64(m)
				shares, m = append(shares, math.Float64frombits(v)), m[n:]
			case kind == protowire.BytesType && (num == 2 || num == 4):
				s, n := protowire.ConsumeString(m)
				if m = m[n:]; num == 2 {
					names = append(names, s)
				} else {
					named = append(named, s)
				}
			default:
				t.Fatalf("field %d of kind %d", num, kind)
			}
		}
	}
	if len(names) != 2 || names[0] != "cart" || names[1] != "é" || len(named) != 2 || named[1] != "bo" || shares[0] != 0.25 || shares[1] != 0 {
		t.Errorf("%q %q %v", names, named, shares)
	}
}
