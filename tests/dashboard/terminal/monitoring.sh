#!/bin/sh
# The usual monitoring script, as it runs from many crontabs.
kamcmd dlg.stats_active
kamcmd dlg.list | grep -E "(callid|from_uri|to_uri|duration|state)"
