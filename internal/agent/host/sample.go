package host

import (
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/load"
	"github.com/shirou/gopsutil/v4/mem"

	"github.com/slipwayhq/slipway/internal/event"
	"github.com/slipwayhq/slipway/internal/wire"
)

// sampler reads the machine's own state. Busy shares are since its last reading.
type sampler struct {
	dir        string
	busy, idle float64 // seconds of all cores together
}

func newSampler(dir string) *sampler { return &sampler{dir: dir} }

// take reads once. What the system does not tell stays zero.
func (s *sampler) take(now time.Time) *wire.Sample {
	use, _ := s.use()
	out := &wire.Sample{Time: now.UTC(), CPU: use.CPU, Load1: use.Load1, MemUsed: use.MemUsed, MemTotal: use.MemTotal}
	if d, err := disk.Usage(s.dir); err == nil {
		out.DiskFree = int64(d.Free)
	}
	return out
}

// use reads how busy the machine is; not ok where that is not known, as in the first reading.
func (s *sampler) use() (use event.HostUse, ok bool) {
	use.CPU, ok = s.cpu()
	if avg, err := load.Avg(); err == nil {
		use.Load1 = avg.Load1
	}
	if m, err := mem.VirtualMemory(); err == nil {
		use.MemUsed, use.MemTotal = int64(m.Used), int64(m.Total)
	}
	return use, ok
}

// cpu gives the busy share since the last reading, from 0 to 1.
func (s *sampler) cpu() (share float64, ok bool) {
	times, err := cpu.Times(false)
	if err != nil || len(times) == 0 {
		return 0, false
	}
	t := times[0]
	idle := t.Idle + t.Iowait
	// Guest time is counted in user time already.
	busy := t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Steal
	spentBusy, spentIdle := busy-s.busy, idle-s.idle
	first := s.busy == 0 && s.idle == 0
	s.busy, s.idle = busy, idle
	if total := spentBusy + spentIdle; !first && total > 0 {
		return min(1, max(0, spentBusy/total)), true
	}
	return 0, false
}
