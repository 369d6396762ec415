package api

// Series are figures over time, for curves: one column per figure, all as long as Times.
type Series struct {
	Times  []int64               `json:"times" doc:"Seconds since 1970, rising. The last hour every 5 s, means of 5 minutes before."`
	Values map[string][]*float64 `json:"values" doc:"By figure; null where nobody could tell. Of a server: cpu (percent of one processor), memory (bytes), tasks, read, write (bytes/s), players, slots, tick (1/s), in, out (bytes/s). Of the host: cpu (percent of all), load, memory_used, memory_total, disk_free, disk_total (bytes), in, out (bytes/s)."`
}
