package sink

import (
	"encoding/json"
	"testing"
)

// FuzzPackets: whatever comes, the sink neither panics nor grows beyond its bounds, every line is in a metric or dropped, and what it gives can be sent.
func FuzzPackets(f *testing.F) {
	for _, packet := range []string{
		"orders:1|c\nload:+1e18|g\nload:+9e18|g\ntook:1:2|ms|@1e-9\nwho:\xff|s", "a:1|c|#status:\xff,release:rel_old,method:,status:2", "a:9007199254740992:9007199254740992|h|@0.0000001",
		"\x00\n\r\n|||\n:|", "_e{1,1}:a|b\n_sc|a|0", "a:-9e18:-9e18|g\na:-9e18|g",
	} {
		f.Add([]byte(packet), []byte(packet))
	}
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := New(Options{Tags: []string{"status", "method"}})
		s.Drain(all)
		c, line := &socket{common: true}, newLine()
		for range 2 {
			s.take(c, Release{}, first, line)
			s.take(c, fresh, second, line)
			sec := s.Drain(all)
			if _, err := json.Marshal(sec.Metrics[fresh]); err != nil {
				t.Error(err)
			}
			used := int64(0)
			for r, list := range sec.Metrics {
				if r != (Release{}) && r != old && r != fresh || len(list) > mostSeries {
					t.Errorf("%d series of %v", len(list), r)
				}
				for _, m := range list {
					if data, err := json.Marshal(m); err != nil || m.Values <= 0 {
						t.Errorf("%+v: %s, %v", m, data, err)
					}
					used += m.Values
				}
			}
			dropped := int64(0)
			for _, n := range sec.Count.Dropped {
				dropped += n
			}
			if used+dropped < sec.Count.Lines { // a line may have many values
				t.Errorf("of %d lines %d are dropped, and %d values used", sec.Count.Lines, dropped, used)
			}
		}
	})
}
