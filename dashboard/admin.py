"""Django's admin: users and their roles, nothing else. Calls, orders and the audit log are not edited by hand."""

from django.contrib import admin

admin.site.site_header = "Dialtap: people"
admin.site.site_title = "Dialtap"
admin.site.index_title = "Users and roles"
admin.site.site_url = "/"
