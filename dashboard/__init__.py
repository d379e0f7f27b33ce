"""The Django side of Dialtap: records, screens, orders. Imports `dialogs`; `dialogs` never imports it."""
