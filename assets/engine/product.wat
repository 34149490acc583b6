;; into += matrix · vector, two rows at a time. The same sums in the same order as `addProduct` in matrix.mjs.
;;
;; The matrix is stored column by column, each of `stride` bytes: its rows, and one of zeros where their number is odd.
;; Columns of entries that are 0 are skipped. All numbers are of eight bytes, all places are bytes from the beginning.
(module
  (import "page" "memory" (memory 1))

  ;; chosen: room for 16 bytes an entry: where the column begins (4 bytes, 4 unused), and the entry itself.
  (func (export "addProduct")
    (param $columns i32) (param $stride i32) (param $vector i32) (param $end i32) (param $chosen i32) (param $into i32)
    (local $entry f64) (local $last i32) (local $row i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local $va v128) (local $vb v128) (local $vc v128) (local $vd v128)

    ;; No branch: which entries are 0 changes from step to step, and no processor foresees it.
    (local.set $last (local.get $chosen))
    (loop $entries
      (local.set $entry (f64.load (local.get $vector)))
      (i32.store (local.get $last) (local.get $columns))
      (f64.store offset=8 (local.get $last) (local.get $entry))
      (local.set $last (i32.add (local.get $last) (i32.shl (f64.ne (local.get $entry) (f64.const 0)) (i32.const 4))))
      (local.set $columns (i32.add (local.get $columns) (local.get $stride)))
      (local.set $vector (i32.add (local.get $vector) (i32.const 8)))
      (br_if $entries (i32.lt_u (local.get $vector) (local.get $end))))

    ;; Four columns share each reading and writing of `into`.
    (block $few
      (loop $fours
        (br_if $few (i32.gt_u (i32.add (local.get $chosen) (i32.const 64)) (local.get $last)))
        (local.set $a (i32.load (local.get $chosen)))
        (local.set $b (i32.load offset=16 (local.get $chosen)))
        (local.set $c (i32.load offset=32 (local.get $chosen)))
        (local.set $d (i32.load offset=48 (local.get $chosen)))
        (local.set $va (v128.load64_splat offset=8 (local.get $chosen)))
        (local.set $vb (v128.load64_splat offset=24 (local.get $chosen)))
        (local.set $vc (v128.load64_splat offset=40 (local.get $chosen)))
        (local.set $vd (v128.load64_splat offset=56 (local.get $chosen)))
        (local.set $row (i32.const 0))
        (loop $rows
          (v128.store (i32.add (local.get $into) (local.get $row))
            (f64x2.add
              (v128.load (i32.add (local.get $into) (local.get $row)))
              (f64x2.add
                (f64x2.add
                  (f64x2.add
                    (f64x2.mul (v128.load (i32.add (local.get $a) (local.get $row))) (local.get $va))
                    (f64x2.mul (v128.load (i32.add (local.get $b) (local.get $row))) (local.get $vb)))
                  (f64x2.mul (v128.load (i32.add (local.get $c) (local.get $row))) (local.get $vc)))
                (f64x2.mul (v128.load (i32.add (local.get $d) (local.get $row))) (local.get $vd)))))
          (br_if $rows (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $stride))))
        (local.set $chosen (i32.add (local.get $chosen) (i32.const 64)))
        (br $fours)))

    ;; Up to three are left.
    (block $done
      (loop $ones
        (br_if $done (i32.ge_u (local.get $chosen) (local.get $last)))
        (local.set $a (i32.load (local.get $chosen)))
        (local.set $va (v128.load64_splat offset=8 (local.get $chosen)))
        (local.set $row (i32.const 0))
        (loop $rows
          (v128.store (i32.add (local.get $into) (local.get $row))
            (f64x2.add
              (v128.load (i32.add (local.get $into) (local.get $row)))
              (f64x2.mul (v128.load (i32.add (local.get $a) (local.get $row))) (local.get $va))))
          (br_if $rows (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 16))) (local.get $stride))))
        (local.set $chosen (i32.add (local.get $chosen) (i32.const 16)))
        (br $ones)))))
