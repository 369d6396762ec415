// Package systemd runs game servers as units of the host's systemd: instances of the template
// left4me-server@.service, which only root writes. What varies per server is data: the launch plan, which
// [ExecMain] reads inside the unit, and limits, which are set as runtime properties.
//
// systemd is the truth about what runs. The agent follows it by D-Bus signals and looks anew whenever the bus or
// systemd itself comes back. Beside that it keeps one small record per server, for what systemd forgets as soon as
// a unit is gone: how it ended, whether that was asked for, and in which boot.
//
//	<runtime>/servers/<server>/plan.json   what to run; written by the agent, read inside the unit
//	<state>/units/<server>/record.json     what is known; written and read by the agent only
//
// Consoles are the host's journal, read through journalctl: one child follows all that is followed of one server,
// however many look on.
package systemd
