// Accesslog writes the access logs of a small shop that three machines serve for five days, and the list of its deploys, so that `slipway shadow` can be tried without logs of one's own.
//
//	go run ./examples/accesslog -out /tmp/shop
//
// Requests and errors swing with the hour of the day. Of seven deploys two are bad: v4, which everybody gets at once and the team takes back after two hours, and v7, which goes from machine to machine.
package main

import (
	"compress/gzip"
	"flag"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

const (
	hosts = 3
	days  = 5
	rps   = 7.0
)

// deploy is a line of deploys.csv; without a host all machines get it.
type deploy struct {
	at      time.Duration // since the first midnight
	release string
	host    int // from 1; 0 for all
}

func deploys() []deploy {
	at := func(day, hour, minute int) time.Duration {
		return time.Duration(day)*24*time.Hour + time.Duration(hour)*time.Hour + time.Duration(minute)*time.Minute
	}
	return []deploy{
		{at(0, 14, 0), "v1", 0}, {at(1, 9, 30), "v2", 0}, {at(1, 16, 0), "v3", 0}, {at(2, 13, 45), "v4", 0}, {at(2, 15, 50), "v3", 0}, {at(3, 10, 15), "v5", 0},
		{at(3, 17, 0), "v6", 1}, {at(3, 17, 20), "v6", 2}, {at(3, 17, 40), "v6", 3}, {at(4, 11, 0), "v7", 1}, {at(4, 11, 30), "v7", 2}, {at(4, 12, 0), "v7", 3},
	}
}

// live is the release of a machine at a time.
func live(since time.Duration, host int) string {
	release := "v0"
	for _, d := range deploys() {
		if since >= d.at && (d.host == 0 || d.host == host) {
			release = d.release
		}
	}
	return release
}

func main() {
	out := flag.String("out", "shop", "folder to write to")
	flag.Parse()
	if err := write(*out, time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)); err != nil {
		fmt.Fprintln(os.Stderr, "accesslog:", err)
		os.Exit(1)
	}
}

func write(out string, start time.Time) error {
	var logs [hosts + 1]io.Writer
	for host := 1; host <= hosts; host++ {
		folder := filepath.Join(out, fmt.Sprintf("web-%d", host))
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
		f, err := os.Create(filepath.Join(folder, "access.log.gz"))
		if err != nil {
			return err
		}
		defer f.Close()
		z, err := gzip.NewWriterLevel(f, gzip.BestSpeed)
		if err != nil {
			return err
		}
		defer z.Close()
		logs[host] = z
	}
	r := rand.New(rand.NewPCG(4, 2))
	for second := range days * 24 * 3600 {
		since := time.Duration(second) * time.Second
		hour := 2 * math.Pi * since.Hours() / 24
		for n := poisson(r, rps*(1+0.7*math.Sin(hour-2))); n > 0; n-- {
			host := 1 + r.IntN(hosts)
			if err := request(logs[host], r, start.Add(since), hour, live(since, host)); err != nil {
				return err
			}
		}
	}
	return list(filepath.Join(out, "deploys.csv"), start)
}

// request writes one line, as nginx does with its request time behind.
func request(w io.Writer, r *rand.Rand, at time.Time, hour float64, release string) error {
	paths := []string{"/", "/", "/product/17", "/product/4711", "/cart", "/checkout"}
	rate := 0.01 * math.Exp(0.3*math.Sin(hour))
	if release == "v4" || release == "v7" {
		rate *= 2.5
	}
	status := 200
	if r.Float64() < rate {
		status = 500
	}
	_, err := fmt.Fprintf(w, "203.0.113.%d - - [%s] \"GET %s HTTP/1.1\" %d %d \"-\" \"Mozilla/5.0\" %.3f\n",
		r.IntN(250), at.Format("02/Jan/2006:15:04:05 -0700"), paths[r.IntN(len(paths))], status, 200+r.IntN(9000), 0.03*math.Exp(0.7*r.NormFloat64()))
	return err
}

func list(name string, start time.Time) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintln(f, "time,release,host")
	for _, d := range deploys() {
		host := ""
		if d.host > 0 {
			host = fmt.Sprintf("web-%d", d.host)
		}
		fmt.Fprintf(f, "%s,%s,%s\n", start.Add(d.at).Format(time.RFC3339), d.release, host)
	}
	return nil
}

func poisson(r *rand.Rand, mean float64) int {
	n, p, limit := 0, 1.0, math.Exp(-mean)
	for {
		if p *= r.Float64(); p <= limit {
			return n
		}
		n++
	}
}
