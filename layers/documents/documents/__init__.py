"""Papers for people, as PDF: what only the function that draws them loads.

The typeface is Rubik 2.300 (`fonts/`, under the licence beside it): Hebrew, Latin, Cyrillic and Arabic letters and
digits of one width. The two files are its variable font fixed at the weights 400 and 600 by fontTools' instancer, since
a library that shapes by one weight and draws another sets letters apart.
"""
