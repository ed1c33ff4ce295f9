package trial

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/slipwayhq/slipway/sim/world"
)

// Kept are the rows of a file, one of JSON a line: what was played once is read from it, and what is new is added at once, so that hours of simulation may be stopped and gone on with. It does not know the judges' code: after a change of one, its rows go.
type Kept struct {
	file *os.File
	rows map[played]Row
}

// played is all that a row depends on besides the code.
type played struct {
	scenario, judge string
	alpha           float64
	runs, every     int
	seed            uint64
	calibrated      bool
}

func (r *Row) played() played {
	return played{r.Scenario, r.Judge, r.Alpha, r.Runs, r.Every, r.Seed, r.Calibrated}
}

// OpenKept opens the file, or begins it.
func OpenKept(path string) (*Kept, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	k := &Kept{file: file, rows: map[played]Row{}}
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, errors.Join(fmt.Errorf("%s:%d is no row, delete it: %w", path, n, err), file.Close())
		}
		k.rows[r.played()] = r
	}
	if err := lines.Err(); err != nil {
		return nil, errors.Join(fmt.Errorf("read %s: %w", path, err), file.Close())
	}
	return k, nil
}

// Close closes the file.
func (k *Kept) Close() error { return k.file.Close() }

// of are the rows of a scenario, if all that the plan asks for are kept.
func (k *Kept) of(p *Plan, s *world.Scenario) ([]Row, bool) {
	var rows []Row
	for at := range len(p.Makers) * len(p.Alphas) {
		wanted := p.heading(s, at)
		r, ok := k.rows[wanted.played()]
		if !ok {
			return nil, false
		}
		rows = append(rows, r)
	}
	return rows, true
}

// add writes the rows of a scenario, those that are new.
func (k *Kept) add(rows []Row) error {
	for _, r := range rows {
		if _, ok := k.rows[r.played()]; ok {
			continue
		}
		line, err := json.Marshal(r)
		if err != nil {
			return err
		}
		if _, err := k.file.Write(append(line, '\n')); err != nil {
			return err
		}
		k.rows[r.played()] = r
	}
	return nil
}
