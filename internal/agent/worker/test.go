package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"

	"github.com/slipwayhq/slipway/internal/pure/shard"
	"github.com/slipwayhq/slipway/internal/pure/testreport"
	"github.com/slipwayhq/slipway/internal/wire"
)

// maxUnitOutput is how much output of a failed unit is sent, in bytes; the log has it all.
const maxUnitOutput = 16 << 10

// test runs units and says how each did.
func (j *job) test(ctx context.Context, r *wire.LeaseResult) error {
	format := testreport.Format(j.lease.Format)
	tally := testreport.NewTally(format, j.lease.Units)
	command := shard.Command(j.lease.Command, j.lease.Units)
	fmt.Fprintf(j.log, "$ %s\n", shorten(command))
	if err := j.removeReports(); err != nil {
		return err
	}
	var read func(io.Reader, func(testreport.Result)) (string, error)
	log := io.Writer(j.log)
	switch {
	case format == testreport.GoTest:
		read, log = testreport.ReadGoTest, &goText{to: j.log}
	case format == testreport.JUnit && j.lease.Report == "":
		read = testreport.ReadJUnit
	}
	reader := startReader(read, tally)
	out, err := j.run(ctx, command, log, reader)
	other, broken := reader.end()
	if err != nil {
		return err
	}
	out.into(r)
	if format == testreport.JUnit && j.lease.Report != "" {
		broken = j.readReports(tally)
	}
	outcome := testreport.Outcome{ExitStatus: out.exit, Output: other, Duration: out.took}
	if read == nil {
		outcome.Output = out.tail
	}
	if broken != nil {
		outcome.Broken = broken.Error()
	}
	switch {
	case out.timedOut:
		outcome.Ended = fmt.Sprintf("it took longer than %s", j.lease.Timeout)
	case out.exit < 0:
		outcome.Ended = "a signal killed it"
	}
	for _, u := range tally.Close(outcome) {
		r.Units = append(r.Units, unitResult(u))
	}
	return nil
}

func unitResult(u testreport.UnitResult) wire.UnitResult {
	out := wire.UnitResult{Unit: u.Unit, Status: string(u.Status), Duration: u.Duration, Occupied: u.Occupied, Cached: u.Cached,
		Output: clip(u.Output), Tests: u.Cases.Passed + u.Cases.Failed + u.Cases.Skipped + u.Cases.Errors, Failed: u.Failures}
	if u.Status == testreport.Passed && u.Cases.Skipped > 0 && u.Cases.Skipped == out.Tests {
		out.Status = string(testreport.Skipped)
	}
	return out
}

// clip keeps the first and the last part of a text.
func clip(text string) string {
	if len(text) <= maxUnitOutput {
		return text
	}
	half := maxUnitOutput/2 - 50
	return strings.ToValidUTF8(text[:half], "") + fmt.Sprintf("\n… %d bytes left out, see the log …\n", len(text)-2*half) + strings.ToValidUTF8(text[len(text)-half:], "")
}

// shorten keeps a command with a thousand units from filling the first screen of the log.
func shorten(command string) string {
	const most = 300
	if len(command) <= most {
		return command
	}
	return strings.ToValidUTF8(command[:most], "") + " …"
}

// reader reads a report from what a command prints, beside it.
type reader struct {
	pipe  *io.PipeWriter
	group sync.WaitGroup
	other string
	err   error
}

// startReader starts one; without a function to read with, it drops everything.
func startReader(read func(io.Reader, func(testreport.Result)) (string, error), tally *testreport.Tally) *reader {
	from, to := io.Pipe()
	r := &reader{pipe: to}
	r.group.Go(func() {
		if read != nil {
			r.other, r.err = read(from, tally.Add)
		}
		_, _ = io.Copy(io.Discard, from) // a broken report must not stop the command; ends with the pipe
	})
	return r
}

func (r *reader) Write(p []byte) (int, error) { return r.pipe.Write(p) }

// end gives what was printed beside the report, and what is wrong with it.
func (r *reader) end() (other string, err error) {
	_ = r.pipe.Close() // never fails
	r.group.Wait()
	return r.other, r.err
}

// goText passes on what go test -json says in words: people read the log, not its JSON.
type goText struct {
	to   io.Writer
	line []byte
}

// longest line that is looked into, in bytes; what exceeds it goes on as it is.
const maxEvent = 1 << 20

func (g *goText) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n') + 1
		if end == 0 {
			g.line = append(g.line, p...)
			if len(g.line) > maxEvent {
				g.flush()
			}
			break
		}
		g.line = append(g.line, p[:end]...)
		g.flush()
		p = p[end:]
	}
	return n, nil
}

func (g *goText) flush() {
	text := g.line
	var event struct{ Action, Output string }
	if bytes.HasPrefix(text, []byte(`{"`)) && json.Unmarshal(text, &event) == nil && event.Action != "" {
		text = []byte(event.Output)
	}
	_, _ = g.to.Write(text) // the log takes everything
	g.line = g.line[:0]
}

// reports walks over the report files in the checkout.
func (j *job) reports(fn func(root *os.Root, name string) error) error {
	if j.lease.Report == "" {
		return nil
	}
	root, err := os.OpenRoot(j.dir)
	if err != nil {
		return fmt.Errorf("look for reports: %w", err)
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), fixedPart(j.lease.Report), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !testreport.MatchesGlob(j.lease.Report, name) {
			return nil // a folder that is not there, or cannot be read, holds no report
		}
		return fn(root, name)
	})
	if err != nil {
		return fmt.Errorf("look for reports: %w", err)
	}
	return nil
}

// fixedPart is the folder that all matches of a glob are in.
func fixedPart(glob string) string {
	parts := strings.Split(path.Clean(glob), "/")
	n := 0
	for n < len(parts)-1 && !strings.ContainsAny(parts[n], `*?[\`) {
		n++
	}
	return path.Join(append([]string{"."}, parts[:n]...)...)
}

// removeReports removes what a run before left.
func (j *job) removeReports() error {
	return j.reports(func(root *os.Root, name string) error { return root.Remove(name) })
}

// readReports reads what this run left. What is wrong with one file does not keep the others from being read.
func (j *job) readReports(tally *testreport.Tally) error {
	found, broken := 0, error(nil)
	err := j.reports(func(root *os.Root, name string) error {
		found++
		f, err := root.Open(name)
		if err == nil {
			_, err = testreport.ReadJUnit(f, tally.Add)
			_ = f.Close() // read only
		}
		if err != nil && broken == nil {
			broken = fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case found == 0:
		return fmt.Errorf("the run left no report that matches %s", j.lease.Report)
	}
	return broken
}
