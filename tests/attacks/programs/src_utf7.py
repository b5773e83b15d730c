# -*- coding: utf-7 -*-
"""What stands after the next line is read by the interpreter in another way than by people."""
# +AAo-import os+ADs- print('utf7')
print("seven")
