package main

// traffic are the requests a second of the table.
var traffic = []float64{2, 20, 200, 2000}

// cells are all rows, promises first.
func cells(o options) []cell {
	runs, fewer, rates := o.runs, max(o.runs/10, 10), traffic
	if o.quick {
		runs, fewer, rates = min(o.runs, 300), min(o.runs, 100), traffic[:3]
	}
	var all []cell
	add := func(w world, h harm, m method, promised bool, runs int, rates ...float64) {
		for _, rps := range rates {
			runs := runs
			if rps >= 2000 && !promised {
				runs = max(runs/3, 10) // as slow as ten of the next smaller
			}
			all = append(all, cell{world: w, harm: h, rps: rps, method: m, runs: runs, promised: promised})
		}
	}
	for _, w := range []world{unequalVisitors, heavyClients, monitored} {
		add(w, noHarm, firstByDraw, true, runs, rates...)
	}
	add(equalVisitors, noHarm, firstByDraw, true, fewer, rates...)
	add(retryingClients, noHarm, perRequest, true, runs, rates...)
	for _, h := range []harm{errors2, errors12, errors10, slowTail} {
		add(unequalVisitors, h, firstByDraw, false, fewer, rates...)
	}
	for _, h := range []harm{errors2, lateErrors2, errors12, slowTail} {
		add(unequalVisitors, h, perRequest, false, fewer, rates...)
	}
	for _, w := range []world{heavyClients, monitored} {
		add(w, errors2, firstByDraw, false, fewer, rates...)
	}
	for _, w := range []world{unequalVisitors, heavyClients, monitored} {
		add(w, noHarm, firstAtRisk, false, fewer, rates...)
	}
	for _, w := range []world{evenHosts, unevenHosts} {
		add(w, noHarm, perHost, false, fewer, rates...)
	}
	add(unevenHosts, errors2, perHost, false, fewer, rates...)
	for _, w := range []world{retryingClients, heavyClients} {
		add(w, noHarm, everyByShare, false, fewer, rates[2:]...)
	}
	return all
}
