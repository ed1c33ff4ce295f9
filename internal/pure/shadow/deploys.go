package shadow

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Deploy is that a release went live, on one host, or everywhere.
type Deploy struct {
	Time    int64 // Unix seconds
	Release string
	Host    string // empty for everywhere
}

// maxProblems is how many mistakes are told at once.
const maxProblems = 20

// ReadCSV reads deploys: a line of names (time and release, and host where hosts got it at different times), then one line a deploy, in any order. Times are RFC 3339, or Unix time in
// seconds. The error tells all mistakes, or the first 20, by their lines.
func ReadCSV(r io.Reader) ([]Deploy, error) {
	in := csv.NewReader(r)
	in.TrimLeadingSpace, in.FieldsPerRecord, in.Comment = true, -1, '#'
	names, err := in.Read()
	if err != nil {
		return nil, fmt.Errorf("line 1: %w; a list of deploys begins with its columns: time,release or time,release,host", err)
	}
	at := map[string]int{}
	for i, name := range names {
		at[strings.ToLower(strings.TrimSpace(strings.TrimPrefix(name, "\ufeff")))] = i
	}
	for _, name := range []string{"time", "release"} {
		if _, ok := at[name]; !ok {
			return nil, fmt.Errorf("line 1: there is no column %q; write time,release or time,release,host", name)
		}
	}
	var all []Deploy
	var problems []error
	for len(problems) < maxProblems {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil { // a quote that is not closed
			problems = append(problems, err)
			break
		}
		line, _ := in.FieldPos(0)
		field := func(name string) string {
			if i, ok := at[name]; ok && i < len(row) {
				return strings.TrimSpace(row[i])
			}
			return ""
		}
		d := Deploy{Release: field("release"), Host: field("host")}
		if d.Time, err = moment(field("time")); err != nil {
			problems = append(problems, fmt.Errorf("line %d: %w", line, err))
		} else if d.Release == "" {
			problems = append(problems, fmt.Errorf("line %d: there is no release", line))
		} else {
			all = append(all, d)
		}
	}
	return all, errors.Join(problems...)
}

// moment reads RFC 3339 or Unix time.
func moment(text string) (int64, error) {
	if f, err := strconv.ParseFloat(text, 64); err == nil && f > 0 && f < 1e20 {
		if f > 1e11 {
			return 0, fmt.Errorf("time %s: that is milliseconds; write seconds, or 2026-11-29T14:03:00Z", text)
		}
		return int64(math.Floor(f)), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 -0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.Unix(), nil
		}
	}
	return 0, fmt.Errorf("time %q: write 2026-11-29T14:03:00Z, or Unix seconds", text)
}

// delivery is what is read of a webhook's body: of deployment and deployment_status, and of push, as GitHub sends them.
type delivery struct {
	Deployment *struct {
		ID          int64     `json:"id"`
		SHA         string    `json:"sha"`
		Ref         string    `json:"ref"`
		Environment string    `json:"environment"`
		CreatedAt   time.Time `json:"created_at"`
	} `json:"deployment"`
	Status *struct {
		State     string    `json:"state"`
		CreatedAt time.Time `json:"created_at"`
	} `json:"deployment_status"`
	Ref        string `json:"ref"`
	After      string `json:"after"`
	HeadCommit *struct {
		Timestamp time.Time `json:"timestamp"`
	} `json:"head_commit"`
	Repository struct {
		DefaultBranch string `json:"default_branch"`
	} `json:"repository"`
}

// ReadWebhooks reads deploys from bodies of webhooks, one JSON object after the other. A deployment went live when its first status was success, or, where no status of any deployment is
// there, when it was made. environment leaves out other ones; empty takes all. Where there are no deployments, pushes to the default branch are taken for deploys. Other bodies are passed over.
func ReadWebhooks(r io.Reader, environment string) ([]Deploy, error) {
	in := json.NewDecoder(r)
	var made, live, pushed []Deploy
	lives := map[int64]bool{}
	for n := 1; ; n++ {
		var raw json.RawMessage
		if err := in.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("body %d is no JSON: %w", n, err)
		}
		var d delivery
		if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
			return nil, fmt.Errorf("body %d is no JSON object", n)
		}
		if err := json.Unmarshal(raw, &d); err != nil {
			return nil, fmt.Errorf("body %d is no webhook of a deployment or push: %w", n, err)
		}
		switch {
		case d.Deployment != nil && environment != "" && d.Deployment.Environment != environment:
		case d.Deployment != nil && d.Status != nil:
			if d.Status.State == "success" && !lives[d.Deployment.ID] {
				lives[d.Deployment.ID] = true
				live = append(live, Deploy{Time: d.Status.CreatedAt.Unix(), Release: named(d.Deployment.Ref, d.Deployment.SHA)})
			}
		case d.Deployment != nil:
			made = append(made, Deploy{Time: d.Deployment.CreatedAt.Unix(), Release: named(d.Deployment.Ref, d.Deployment.SHA)})
		case d.HeadCommit != nil && d.Ref == "refs/heads/"+d.Repository.DefaultBranch:
			pushed = append(pushed, Deploy{Time: d.HeadCommit.Timestamp.Unix(), Release: named("", d.After)})
		}
	}
	found := live
	if len(found) == 0 {
		found = made
	}
	if len(found) == 0 {
		found = pushed
	}
	for i, d := range found {
		if d.Time <= 0 || d.Release == "" {
			return nil, fmt.Errorf("deploy %d of the webhooks has no time or no commit", i+1)
		}
	}
	return found, nil
}

// named is how a deployment's release is called: by its tag, or its commit, but not by a branch, which names another commit each time.
func named(ref, sha string) string {
	if strings.ContainsAny(ref, "0123456789") && !strings.Contains(ref, "/") {
		return ref
	}
	return cmp.Or(sha[:min(len(sha), 10)], ref)
}

// push is one release going live, at once or host by host.
type push struct {
	release string
	start   int64
	// hosts says when each got it, for those that are named; everywhere is when all others did, never where they did not.
	hosts      map[string]int64
	everywhere int64
	// baseline: it was there when the log began, and is not judged.
	baseline bool
	// back is when the team itself went back from it, never when it did not.
	back int64
	// way says that this is the way back to an older release.
	way bool
}

const (
	never = math.MaxInt64
	day   = 24 * 3600
)

// pushes groups deploys: hosts that get the same release within a day are one push. A push that names an older release again, within a day, is the way back from the one before it.
func pushes(deploys []Deploy) []push {
	deploys = slices.Clone(deploys)
	slices.SortStableFunc(deploys, func(a, b Deploy) int { return cmp.Compare(a.Time, b.Time) })
	var all []push
	for _, d := range deploys {
		if n := len(all); n > 0 && all[n-1].takes(d) {
			all[n-1].add(d)
			continue
		}
		p := push{release: d.Release, start: d.Time, hosts: map[string]int64{}, everywhere: never, back: never}
		p.add(d)
		all = append(all, p)
	}
	for i := 1; i < len(all); i++ {
		older := slices.ContainsFunc(all[:i-1], func(p push) bool { return p.release == all[i].release })
		if older && all[i].release != all[i-1].release && all[i].start-all[i-1].start <= day {
			all[i].way, all[i-1].back = true, all[i].start
		}
	}
	return all
}

// takes tells whether a deploy is part of the push.
func (p *push) takes(d Deploy) bool {
	_, again := p.hosts[d.Host]
	return p.release == d.Release && d.Time-p.start <= day && p.everywhere == never && !again
}

func (p *push) add(d Deploy) {
	if d.Host == "" {
		p.everywhere = d.Time
	} else {
		p.hosts[d.Host] = d.Time
	}
}

// got is when a host got the release, never when it did not.
func (p *push) got(host string) int64 {
	if at, ok := p.hosts[host]; ok {
		return at
	}
	return p.everywhere
}
